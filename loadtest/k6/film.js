// Films whose every block says where it belongs, so that any range of one can be checked without a copy of it.

const BLOCK_BYTES = 4096;
const STAMP_BYTES = 8;
/** Of a block, beside its stamp. */
const pattern = Uint8Array.from({ length: BLOCK_BYTES }, (_, at) => filling(at));

function filling(at) {
  return (at * 31 + 7) & 0xff;
}

/** The bytes of a film: each block begins with the film's number and its own. */
export function makeFilm(number, mebibytes) {
  const blocks = mebibytes * 256;
  const bytes = new Uint8Array(blocks * BLOCK_BYTES);
  const words = new Uint32Array(bytes.buffer);
  for (let block = 0; block < blocks; block += 1) {
    bytes.set(pattern, block * BLOCK_BYTES);
    words[block * (BLOCK_BYTES / 4)] = number;
    words[block * (BLOCK_BYTES / 4) + 1] = block;
  }
  return bytes.buffer;
}

/** Where `body`, which is the film from `first` on, is something else: looks at every stamp in it, and at its ends. */
export function firstWrongByte(film, first, body) {
  const bytes = new DataView(body);
  const wrong = [0, body.byteLength - 1].find((at) => !isRight(film, first + at, bytes.getUint8(at)));
  return wrong === undefined ? firstWrongStamp(film, first, bytes) : first + wrong;
}

function firstWrongStamp(film, first, bytes) {
  const last = first + bytes.byteLength;
  for (let block = Math.ceil(first / BLOCK_BYTES); block * BLOCK_BYTES + STAMP_BYTES <= last; block += 1) {
    const at = block * BLOCK_BYTES - first;
    if (bytes.getUint32(at, true) !== film.number || bytes.getUint32(at + 4, true) !== block) return first + at;
  }
  return null;
}

function isRight(film, offset, byte) {
  const within = offset % BLOCK_BYTES;
  if (within >= STAMP_BYTES) return byte === filling(within);
  const word = within < 4 ? film.number : Math.floor(offset / BLOCK_BYTES);
  return byte === ((word >>> (8 * (within % 4))) & 0xff);
}
