// Prints the text of every message that it is sent. PORT: where it listens, on this machine only.
import { createServer } from 'node:http';

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  console.log(JSON.parse(body).text);
  response.writeHead(204).end();
});
server.listen(Number(process.env.PORT ?? 8976), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
