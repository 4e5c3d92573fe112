import { GoalStatus } from '@commlib/core'
import { Drive, Obstacle, Reading, Route } from '../contracts.ts'
import { statusName } from './status.ts'
import { bar, bold, clip, cyan, dim, green, magenta, red, sparkline, widthOf, wrap, yellow } from './text.ts'
import type { View } from './view.ts'

/** Wider than this, lines are hard to follow. */
const MAX_WIDTH = 76

/** Milliseconds that a heart stays red. */
const BEAT = 300

const ROBOT = cyan('robot')
const OPERATOR = magenta('operator')

/** The dashboard for a terminal of so many columns: no line is wider. */
export function layout(view: View, columns: number): string[] {
  const width = Math.min(columns, MAX_WIDTH)
  const lines = [
    `${bold('commlib demo')} ${dim(view.where)}`,
    '',
    `${bold('nodes')}   ${nodes(view)}`,
    ...(view.note === '' ? [''] : ['', ...wrap(view.note, width - 8).map(line => `        ${yellow(line)}`), '']),
    heading('topic', `${ROBOT} → ${OPERATOR}`, Reading.name, width),
    ...sensors(view, width),
    '',
    heading('rpc', `${OPERATOR} → ${ROBOT}`, Route.name, width),
    answer(view, width),
    '',
    heading('event', `${ROBOT} → ${OPERATOR}`, Obstacle.uri, width),
    `  ${view.event ?? dim('nothing yet')}`,
    '',
    heading('action', `${OPERATOR} → ${ROBOT}`, Drive.name, width),
    ...action(view, width),
    ...(view.closed ? goodbye(view, width) : []),
  ]
  return lines.map(line => clip(line, width))
}

function heading(kind: string, path: string, name: string, width: number): string {
  const line = `${bold(kind.padEnd(7))} ${path}`
  return widthOf(line) + name.length + 3 <= width ? `${line}   ${dim(name)}` : line
}

function nodes({ nodes }: View): string {
  if (nodes.size === 0) return dim('no heartbeat yet')
  return Array.from(nodes, ([name, beat]) => {
    const heart = performance.now() - beat < BEAT ? red('♥') : dim('♥')
    return `${heart} ${name === 'robot' ? ROBOT : name === 'operator' ? OPERATOR : name}`
  }).join('  ')
}

function sensors({ sensors }: View, width: number): string[] {
  if (sensors.size === 0) return [`  ${dim('no reading yet')}`]
  return Array.from(sensors, ([sensor, { unit, values }]) => {
    const value = (values.at(-1) ?? 0).toFixed(unit === 'm' ? 2 : 1)
    const text = `  ${sensor.padEnd(8)} ${value.padStart(5)} ${unit.padEnd(2)}  `
    return text + cyan(sparkline(values, width - text.length))
  })
}

function answer({ answer }: View, width: number): string {
  if (answer === undefined) return `  ${dim('not called yet')}`
  const time = `${answer.milliseconds.toFixed(1)} ms`
  return `  ${answer.what.padEnd(width - time.length - 4)}  ${dim(time)}`
}

function action({ goal }: View, width: number): string[] {
  if (goal === undefined) return [`  ${dim('no goal yet')}`, '']
  const { what, progress, metres, status, detail } = goal
  const figures = ` ${String(Math.floor(progress * 100)).padStart(3)} % ${metres.toFixed(1).padStart(4)} m`
  const name = statusName(status)
  const colour = status === GoalStatus.SUCCEEDED ? green : status === GoalStatus.EXECUTING ? dim : red
  const more = status === GoalStatus.EXECUTING ? dim('Ctrl-C cancels') : detail
  return [`  ${bar(progress, width - 2 - figures.length)}${figures}`, `  ${colour(name)} ${what}  ${more}`]
}

function goodbye({ tally, where }: View, width: number): string[] {
  const next = where === 'in memory' ? ['The same on a broker: --broker mqtt://localhost'] : []
  const lines = [`${tally.seconds.toFixed(1)} s: ${tally}`, ...next]
  return ['', ...lines.flatMap(line => wrap(line, width)).map(dim)]
}
