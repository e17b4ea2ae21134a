/** A caller of one arm, as a process of its own, that is told over IPC what to ask and when to measure. */
import { ARMS } from './arms.mjs';
import { questions } from './given-keys.mjs';
import { closedLoop, openLoop, Window } from './load.mjs';

const { arm, ...options } = JSON.parse(process.argv[2]);
const asked = questions();
let window;
process.on('disconnect', () => process.exit());
const ask = await ARMS[arm].connect(options);
process.on('message', async ({ kind, load }) => {
  if (kind === 'start') {
    window = new Window(ask, asked, load);
    (load.inFlight === undefined ? openLoop : closedLoop)(window, load);
  } else if (kind === 'open') window.open();
  else if (kind === 'close') {
    window.close();
    process.send({ kind: 'result', result: await window.result() });
  } else if (kind === 'probe') {
    // A group that is still being shared out loses requests, so being ready is to be answered.
    for (let inRow = 0; inRow < 20;) inRow = (await answeredSoon()) ? inRow + 1 : 0;
    process.send({ kind: 'ready' });
  }
});
process.send({ kind: 'started' });

function answeredSoon() {
  const tooLate = new Promise((resolve) => setTimeout(resolve, 1_000, false));
  const answered = ask(asked[1]).catch(() => new Promise((resolve) => setTimeout(resolve, 100, false)));
  return Promise.race([answered, tooLate]);
}
