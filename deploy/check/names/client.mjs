// One request, sent as it is written (`fetch` would tidy the path), and its answer; fails on a 5xx, and on a header that holds
// anything but printable ASCII.
import http from 'node:http';

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

export async function call(method, url, { headers = {}, body } = {}) {
  const [, host, port, path] = /^http:\/\/([^:/]+):(\d+)(.*)$/s.exec(url);
  const answer = await new Promise((resolve, reject) => {
    const request = http.request({ agent, method, host, port, path, headers }, resolve);
    request.on('error', reject);
    request.end(body);
  });
  const pieces = [];
  for await (const piece of answer) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8');
  const where = `${method} ${path.split('?')[0]}`;
  if (answer.statusCode >= 500) throw new Error(`${where}: ${answer.statusCode} ${text}`);
  for (const part of answer.rawHeaders) {
    if (!/^[ -~]*$/.test(part)) throw new Error(`${where}: a header holds ${JSON.stringify(part)}`);
  }
  if ('x-evil' in answer.headers) throw new Error(`${where}: a name began a header`);
  return { status: answer.statusCode, headers: answer.headers, text };
}

// As browsers write forms.
export async function form(fields) {
  const data = new FormData();
  for (const [name, value] of fields) {
    if (value instanceof File) data.append(name, value, value.name);
    else data.append(name, value);
  }
  const response = new Response(data);
  return { body: Buffer.from(await response.arrayBuffer()), headers: { 'content-type': response.headers.get('content-type') } };
}
