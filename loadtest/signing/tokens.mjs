// Prints a line for each user: user id, token, and ids of files to ask for, with tabs between.
// node tokens.mjs <private key, PEM> <users> <files of each>
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [keyFile, users, files] = process.argv.slice(2);
const token = fileURLToPath(new URL('../../deploy/check/token.mjs', import.meta.url));
for (let user = 0; user < Number(users); user += 1) {
  const id = `user_${user}`;
  const signed = execFileSync(process.execPath, [token, keyFile, id], { encoding: 'utf8' }).trim();
  const asked = Array.from({ length: Number(files) }, (_, file) => `u${user}f${file}`);
  console.log([id, signed, ...asked].join('\t'));
}
