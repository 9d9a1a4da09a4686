//! SHA-256 of a file that comes in several requests: what it has seen can be put down, and taken up by another process.

use sha2::{
    Digest, Sha256,
    digest::common::hazmat::{SerializableState, SerializedState},
};

/// Of the bytes so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningHash(Sha256);

impl RunningHash {
    /// From where [`RunningHash::state`] left it; `None` if that cannot be read.
    pub(crate) fn resume(state: &str) -> Option<Self> {
        let mut bytes = SerializedState::<Sha256>::default();
        hex::decode_to_slice(state, &mut bytes).ok()?;
        Sha256::deserialize(&bytes).ok().map(Self)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// What [`RunningHash::resume`] goes on from, as hexadecimal. It holds up to 63 of the bytes, and so is kept where the
    /// upload is.
    pub(crate) fn state(&self) -> String {
        hex::encode(self.0.serialize())
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `hello`, as the first build wrote it.
    const OF_HELLO: &str = "67e6096a85ae67bb72f36e3c3af54fa57f520e518c68059babd9831f19cde05b0000000000000000\
                            0568656c6c6f00000000000000000000000000000000000000000000000000000000000000000000\
                            000000000000000000000000000000000000000000000000";

    #[test]
    fn a_hash_that_was_put_down_anywhere_goes_on_as_if_it_had_not() {
        let bytes: Vec<u8> = (0..300u32).map(|n| (n * 7 % 251) as u8).collect();
        let whole = hex::encode(Sha256::digest(&bytes));
        for at in 0..=bytes.len() {
            let mut first = RunningHash::default();
            first.update(&bytes[..at]);
            let mut second = RunningHash::resume(&first.state()).unwrap();
            second.update(&bytes[at..]);
            assert_eq!(hex::encode(second.finish()), whole, "put down at {at}");
        }
    }

    /// Uploads outlive the build that began them.
    #[test]
    fn the_state_is_written_as_it_always_was() {
        let mut hash = RunningHash::default();
        hash.update(b"hello");
        assert_eq!(hash.state(), OF_HELLO);
        let resumed = RunningHash::resume(OF_HELLO).unwrap();
        assert_eq!(hex::encode(resumed.finish()), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    }

    #[test]
    fn what_is_no_state_is_none() {
        let good = RunningHash::default().state();
        for bad in ["", "00", &good[2..], &format!("{good}00"), &good.replace('0', "g"), &"f".repeat(208)] {
            assert!(RunningHash::resume(bad).is_none(), "{bad}");
        }
    }
}
