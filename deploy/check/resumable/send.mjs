// Sends a file with tus-js-client, and prints the upload's URL and the id of the file that it became.
//   node send.mjs <endpoint> <file with an Authorization header> <file>
import { createReadStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Upload } = createRequire(import.meta.url)(process.env.TUS_CLIENT);
const [endpoint, header, file] = process.argv.slice(2);
const [, authorization] = readFileSync(header, 'utf8').trim().split(/: (.*)/s);

await new Promise((onSuccess, onError) => {
  let id = '';
  const upload = new Upload(createReadStream(file), {
    endpoint,
    headers: { Authorization: authorization },
    metadata: { filename: 'été 🎬.bin', filetype: 'application/octet-stream', title: 'by tus-js-client' },
    // Counted anew whenever some of it got through.
    retryDelays: [100, 300, 1000, 3000, 3000, 3000, 3000, 3000],
    onAfterResponse: (_, response) => { id = response.getHeader('Upload-File-Id') ?? id; },
    onError,
    onSuccess: () => { console.log(upload.url, id); onSuccess(); },
  });
  upload.start();
});
