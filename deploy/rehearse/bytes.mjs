// What the rehearsal's files hold: for each its own stream of AES-128 in counter mode, so that any range of a file can be
// made again without keeping the file.
import { createCipheriv } from 'node:crypto';

const KEY = Buffer.alloc(16, 1);
const BLOCK = 16;

/** The `length` bytes of file `number` that begin at `first`. */
export function bytesOf(number, first, length) {
  const counter = Buffer.alloc(BLOCK);
  counter.writeUInt32BE(number, 0);
  counter.writeBigUInt64BE(BigInt(Math.floor(first / BLOCK)), 8);
  const skipped = first % BLOCK;
  return createCipheriv('aes-128-ctr', KEY, counter).update(Buffer.alloc(skipped + length)).subarray(skipped);
}
