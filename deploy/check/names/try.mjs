// Gives each naughty string to the API as a file's name, and as name and value of its metadata, in a form and in a path; then
// the list and the gateway must give all of them back. What may not be a name is refused, and by a 400:
//   NODE_PACKAGES=<folder> node try.mjs <signer's base URL> <a header with a user's token>
import { readFileSync } from 'node:fs';
import { call, form } from './client.mjs';
import { parseDisposition, strings } from './strings.mjs';

const [signer, headerFile] = process.argv.slice(2);
const [, authorization] = /^Authorization: (.*)\n/.exec(readFileSync(headerFile, 'utf8'));
const bytes = (text) => Buffer.byteLength(text);
const isName = (text) => text !== '' && bytes(text) <= 1024 && !text.includes('\0');
const isKey = (text) => text !== '' && bytes(text) <= 128 && !/[\0-\x1f\x7f-\x9f]/.test(text);
// In a form `%22`, `%0D` and `%0A` stand for what cannot stand in quotes, and a lone line break is sent as CR LF.
const inQuotes = (text) => text.replace(/%22/g, '"').replace(/%0D/gi, '\r').replace(/%0A/gi, '\n');
const asSent = (text) => text.replace(/\r\n|\r|\n/g, '\r\n');


const expected = new Map();
let refused = 0;

function expect(what, text, actual, wanted) {
  if (JSON.stringify(actual) === JSON.stringify(wanted)) return;
  throw new Error(`${what} of ${JSON.stringify(text)}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(actual)}`);
}

async function send(method, path, text, wanted, { headers, body }) {
  const answer = await call(method, `${signer}${path}`, { headers: { authorization, ...headers }, body });
  expect(`the status (${answer.text})`, text, answer.status, wanted ? 200 : 400);
  if (!wanted) {
    refused += 1;
    return expect('the code', text, JSON.parse(answer.text).code, 'invalid_request');
  }
  const { file } = JSON.parse(answer.text).data;
  expect('the name', text, file.filename, wanted.filename);
  expect('the metadata', text, file.metadata, wanted.metadata);
  expected.set(file.id, wanted);
}

async function asForm(filename, key, value) {
  const fields = [[key, value], ['file', new File(['x'], filename)]];
  const isTaken = isName(filename || 'file') && isKey(inQuotes(asSent(key))) && !value.includes('\0');
  const wanted = isTaken && { filename: inQuotes(filename) || 'file', metadata: { [inQuotes(key)]: asSent(value) } };
  await send('POST', '/files/upload', [filename, key], wanted, await form(fields));
}

async function asPath(filename, key, value) {
  if (filename === '') return;
  const isTaken = isName(filename) && isKey(key) && !value.includes('\0');
  const query = `${encodeURIComponent(key)}=${encodeURIComponent(value)}`;
  const path = `/files/raw/${encodeURIComponent(filename)}?${query}`;
  await send('PUT', path, [filename, key], isTaken && { filename, metadata: { [key]: value } }, { body: 'x' });
}

async function list() {
  const listed = new Map();
  let cursor = '';
  do {
    const answer = await call('GET', `${signer}/files?limit=100${cursor}`, { headers: { authorization } });
    const { files, next_cursor } = JSON.parse(answer.text).data;
    for (const file of files) listed.set(file.id, file);
    cursor = next_cursor && `&cursor=${next_cursor}`;
  } while (cursor);
  expect('the length', 'the list', listed.size, expected.size);
  for (const [id, wanted] of expected) {
    expect('the listed name', id, listed.get(id).filename, wanted.filename);
    expect('the listed metadata', id, listed.get(id).metadata, wanted.metadata);
  }
}

async function download() {
  const ids = [...expected.keys()];
  while (ids.length > 0) {
    const body = JSON.stringify({ fileIds: ids.splice(0, 100) });
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await call('POST', `${signer}/files/signed-urls`, { headers, body });
    for (const { file_id, url } of JSON.parse(answer.text).data.results) {
      const { status, headers, text } = await call('GET', url);
      expect('the download', file_id, [status, text], [200, 'x']);
      const { type, parameters } = parseDisposition(headers['content-disposition']);
      expect('the name to save as', file_id, [type, parameters.filename], ['attachment', expected.get(file_id).filename]);
    }
  }
}

for (const text of strings) {
  await Promise.all([
    asForm(text, 'note', text),
    asForm('a.txt', text, text),
    asPath(text, 'note', text),
    asPath('a.txt', text, text),
  ]);
}
await list();
await download();
console.log(`${strings.length} strings: ${expected.size} files came back as they were given, ${refused} were refused`);
process.exit();
