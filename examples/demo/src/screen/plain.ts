import type { Screen } from './screen.ts'
import { statusName } from './status.ts'
import { Tally } from './tally.ts'

/** Lines for a file, a pipe or a log: no colours, and not every reading. */
export function createPlainScreen(where: string, stdout: NodeJS.WritableStream): Screen {
  const tally = new Tally()
  const nodes = new Set<string>()
  const readings = new Map<string, string>()
  let opened = false
  let told = 0
  let lastTenth = 0

  const line = (kind: string, path: string, text: string) =>
    stdout.write(`${[kind.padEnd(9), path.padEnd(17), text].join('  ').trimEnd()}\n`)

  return {
    open: () => {
      opened = true
      stdout.write(`commlib: a robot and its operator ${where}\n`)
    },
    heartbeat: node => {
      tally.add('heartbeat')
      if (!nodes.has(node)) line('heartbeat', `${node} -> all`, 'is alive')
      nodes.add(node)
    },
    reading: (sensor, value, unit) => {
      tally.add('reading')
      readings.set(sensor, `${sensor} ${value.toFixed(unit === 'm' ? 2 : 1)} ${unit}`)
      if (performance.now() - told < 1000 || readings.size < 3) return
      told = performance.now()
      line('topic', 'robot -> operator', [...readings.values()].join(', '))
    },
    event: what => {
      tally.add('event')
      line('event', 'robot -> operator', what)
    },
    answer: (what, milliseconds) => {
      tally.add('call')
      line('rpc', 'operator -> robot', `${what}, answered in ${milliseconds.toFixed(1)} ms`)
    },
    start: what => {
      tally.add('goal')
      lastTenth = 0
      line('action', 'operator -> robot', what)
    },
    progress: (progress, metres) => {
      const tenth = Math.floor(progress * 10)
      if (tenth === lastTenth) return
      lastTenth = tenth
      line('action', 'robot -> operator', `${String(tenth * 10).padStart(3)} %  ${metres.toFixed(1)} m`)
    },
    end: (status, detail) => line('action', 'robot -> operator', `${statusName(status)} ${detail}`),
    note: text => void (text && line('note', '', text)),
    close: () => void (opened && stdout.write(`${tally.seconds.toFixed(1)} s: ${tally}\n`)),
  }
}
