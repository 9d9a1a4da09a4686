// The peer: @tus/server with its file store, as its documentation begins. NODE_PACKAGES, PORT and FOLDER say the rest.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.env.NODE_PACKAGES, 'x'));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { Server } = await load('@tus/server');
const { FileStore } = await load('@tus/file-store');

const tus = new Server({ path: '/api/files/tus', datastore: new FileStore({ directory: process.env.FOLDER }) });
createServer((request, response) => {
  if (request.url === '/healthz') return response.end();
  return tus.handle(request, response);
}).listen(Number(process.env.PORT), '127.0.0.1');
