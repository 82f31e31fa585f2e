// The program of a puppet step: it does what the test at the other end of the socket tells it, and tells what happens to it.
// Arguments: its name, and the signals that it catches and reports instead of dying of them.
import { createConnection } from 'node:net';
import { writeSync } from 'node:fs';

const [name, ...caught] = process.argv.slice(2);
const socket = createConnection(process.env.PUPPETS);
const say = (message) => socket.write(`${JSON.stringify(message)}\n`);
for (const signal of caught) process.on(signal, () => say({ signal }));
say({ name, attempt: Number(process.env.FLOWCTL_ATTEMPT), run: process.env.FLOWCTL_RUN_ID, pid: process.pid });

let text = '';
socket.setEncoding('utf8').on('data', (chunk) => {
  const lines = (text + chunk).split('\n');
  text = lines.pop();
  for (const line of lines) obey(JSON.parse(line));
});
// The test went away: nobody will ever tell this process to end.
socket.on('close', () => process.exit(99)).on('error', () => process.exit(98));

function obey(order) {
  if (order.print !== undefined) {
    writeSync(order.to === 'stderr' ? 2 : 1, order.print);
    say({ printed: true });
  }
  if (order.exit !== undefined) process.exit(order.exit);
  if (order.die !== undefined) process.kill(process.pid, order.die);
}
