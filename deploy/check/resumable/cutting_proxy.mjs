// A line to a server that breaks: it resets each connection after the client has sent 3 to 7 MB over it, and says so.
//   node cutting_proxy.mjs <port to listen on> <port to pass on to> [MB a second that a connection carries]
import { connect, createServer } from 'node:net';

const [port, target, speed = Infinity] = process.argv.slice(2).map(Number);
const MB = 1_000_000;

createServer((client) => {
  const server = connect(target, '127.0.0.1');
  const end = () => { client.destroy(); server.destroy(); };
  const bound = Math.floor((3 + 4 * Math.random()) * MB);
  let passed = 0;
  client.on('data', (bytes) => {
    passed += bytes.length;
    if (passed > bound) {
      console.log(`cut after ${passed} bytes`);
      client.resetAndDestroy();
      return end();
    }
    const isFull = !server.write(bytes);
    client.pause();
    const goOn = () => setTimeout(() => client.resume(), bytes.length / (speed * 1000));
    if (isFull) server.once('drain', goOn); else goOn();
  });
  server.pipe(client);
  for (const side of [client, server]) side.on('error', end).on('close', end);
}).listen(port, '127.0.0.1');
