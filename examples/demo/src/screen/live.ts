import { GoalStatus } from '@commlib/core'
import { layout } from './layout.ts'
import type { Screen } from './screen.ts'
import { createView } from './view.ts'

const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const CLEAR_ALL = '\u001b[H\u001b[J'

/** Milliseconds between two pictures. */
const FRAME = 50

/** Values of a sensor that are kept to be drawn. */
const HISTORY = 80

/** A dashboard that redraws itself in place. */
export function createLiveScreen(where: string, stdout: NodeJS.WriteStream): Screen {
  const view = createView(where)
  const { tally } = view
  let timer: NodeJS.Timeout | undefined
  let drawn = 0

  const draw = () => {
    const lines = layout(view, stdout.columns)
    // What does not fit is cut at the top: a line that has scrolled away cannot be redrawn.
    const shown = view.closed ? lines : lines.slice(-Math.max(1, stdout.rows - 1))
    const up = drawn > 0 ? `\u001b[${drawn}A` : ''
    stdout.write(`\r${up}${shown.map(line => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`)
    drawn = shown.length
  }

  /** Nobody knows how a terminal has broken the old lines anew: it all begins at the top. */
  const resize = () => {
    stdout.write(CLEAR_ALL)
    drawn = 0
    draw()
  }

  const restore = () => stdout.write(SHOW_CURSOR)

  return {
    open: () => {
      stdout.write(HIDE_CURSOR)
      stdout.on('resize', resize)
      process.once('exit', restore)
      timer = setInterval(draw, FRAME)
      draw()
    },
    heartbeat: node => {
      tally.add('heartbeat')
      view.nodes.set(node, performance.now())
    },
    reading: (sensor, value, unit) => {
      tally.add('reading')
      const known = view.sensors.get(sensor) ?? { unit, values: [] }
      known.values = [...known.values, value].slice(-HISTORY)
      view.sensors.set(sensor, known)
    },
    event: what => {
      tally.add('event')
      view.event = what
    },
    answer: (what, milliseconds) => {
      tally.add('call')
      view.answer = { what, milliseconds }
    },
    start: what => {
      tally.add('goal')
      view.goal = { what, progress: 0, metres: 0, status: GoalStatus.EXECUTING, detail: '' }
    },
    progress: (progress, metres) => {
      if (view.goal !== undefined) view.goal = { ...view.goal, progress, metres }
    },
    end: (status, detail) => {
      if (view.goal !== undefined) view.goal = { ...view.goal, status, detail }
    },
    note: text => {
      view.note = text
    },
    close: () => {
      if (timer === undefined) return
      clearInterval(timer)
      stdout.off('resize', resize)
      view.closed = true
      draw()
      process.off('exit', restore)
      restore()
    },
  }
}
