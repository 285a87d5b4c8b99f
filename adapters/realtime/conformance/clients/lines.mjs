// A client's side of the scenario: it takes commands, a line each, and tells what it sees, a line each.
import { createInterface } from 'node:readline'

export const tell = (...words) =>
  process.stdout.write(words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' ') + '\n')

export const present = (state) =>
  Object.entries(state).map(([key, metas]) => `${key}:${(metas.metas ?? metas).map((meta) => meta.n).join('+')}`).sort().join(' ')

export function obey(commands) {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [word, ...given] = JSON.parse(line)
    commands[word](...given)
  })
}
