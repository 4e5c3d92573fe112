import { stripVTControlCharacters, styleText } from 'node:util'

// styleText() heeds NO_COLOR and what the terminal can do.
export const bold = (text: string) => styleText('bold', text)
export const dim = (text: string) => styleText('dim', text)
export const red = (text: string) => styleText('red', text)
export const green = (text: string) => styleText('green', text)
export const yellow = (text: string) => styleText('yellow', text)
export const cyan = (text: string) => styleText('cyan', text)
export const magenta = (text: string) => styleText('magenta', text)

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how colours begin
const COLOURS = /(\u001b\[[\d;]*m)/

/** Columns that a text takes. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length
}

/** Cuts a text, coloured or not, that is too wide. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let clipped = ''
  let room = width - 1
  // Colours take no room, and those that end must stay.
  for (const part of text.split(COLOURS)) {
    if (part.startsWith('\u001b')) {
      clipped += part
      continue
    }
    const letters = [...part]
    clipped += letters.slice(0, Math.max(0, room)).join('')
    if (room >= 0 && letters.length > room) clipped += '…'
    room = letters.length > room ? -1 : room - letters.length
  }
  return clipped
}

/** Breaks a text between words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

const LEVELS = [...'▁▂▃▄▅▆▇█']

/** The course of a value: the newest ones that fit. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width)
  const least = Math.min(...shown)
  // What hardly moves shall look so.
  const range = Math.max(Math.max(...shown) - least, 0.5)
  return shown.map(value => LEVELS[Math.floor(((value - least) / range) * (LEVELS.length - 1))]).join('')
}

/** A progress bar, to the half column. */
export function bar(progress: number, width: number): string {
  const halves = Math.round(progress * width * 2)
  const done = '━'.repeat(halves / 2) + (halves % 2 === 1 ? '╸' : '')
  return green(done) + dim('─'.repeat(width - done.length))
}
