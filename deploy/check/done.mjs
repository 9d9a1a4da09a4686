// Fails if an operation was never answered with 200: node done.mjs <description> <the signer's metrics>
import { readFileSync } from 'node:fs';

const [description, metrics] = process.argv.slice(2).map((file) => readFileSync(file, 'utf8'));
// A signature over its body is nothing that can be made up; a folder has no URLs to put to.
const beyond = ['hearOfUsers', 'presignUpload', 'completeUpload'];
const missing = Object.entries(JSON.parse(description).paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, operation]) => !beyond.includes(operation.operationId))
    .map(([method]) => `{method="${method.toUpperCase()}",route="${path.startsWith('/internal/') ? '' : '/api'}${path}",status="200"}`)
    .filter((labels) => !metrics.includes(`signer_requests_total${labels}`)),
);
if (missing.length > 0) throw new Error(`never done: ${missing.join(' ')}`);
