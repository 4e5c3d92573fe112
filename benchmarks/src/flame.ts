import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]

  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

interface Frame {
  readonly name: string
  readonly where: string
  readonly own: number
  readonly all: number
  readonly children: readonly Frame[]
}

const WIDTH = 1200
const LINE = 17

/** Frames narrower than this, in pixels, are left out. */
const NARROWEST = 0.5

/** Draws a flame graph beside every CPU profile of the folder. Returns how many. */
export function drawFlames(folder: string): number {
  const names = readdirSync(folder).filter(name => name.endsWith('.cpuprofile'))
  for (const name of names) {
    const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile
    writeFileSync(join(folder, name.replace(/cpuprofile$/, 'svg')), draw(rootOf(profile), name))
  }
  return names.length
}

/** The root without what was idle. */
function rootOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const own = new Map<number, number>()
  for (const [i, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + Math.max(0, timeDeltas[i] ?? 0))
  const byId = new Map(nodes.map(node => [node.id, node]))
  const frameOf = (node: ProfileNode): Frame => {
    const children = (node.children ?? [])
      .flatMap(id => byId.get(id) ?? [])
      .filter(({ callFrame }) => callFrame.functionName !== '(idle)')
      .map(frameOf)
      .sort((a, b) => b.all - a.all)
    const { functionName, url, lineNumber } = node.callFrame
    const mine = own.get(node.id) ?? 0
    return {
      name: functionName || '(anonymous)',
      where: url === '' ? '' : `${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`,
      own: mine,
      all: mine + children.reduce((all, child) => all + child.all, 0),
      children,
    }
  }
  const [root] = nodes
  if (root === undefined) throw new Error('an empty CPU profile')
  return frameOf(root)
}

function draw(root: Frame, title: string): string {
  const parts: string[] = []
  const scale = WIDTH / (root.all || 1)
  let depth = 0
  const add = (frame: Frame, x: number, level: number): void => {
    const width = frame.all * scale
    if (width < NARROWEST) return
    depth = Math.max(depth, level)
    const share = (time: number) => `${((time * 100) / root.all).toFixed(1)} %`
    const told = `${frame.name} ${frame.where}: ${share(frame.all)}, itself ${share(frame.own)}`
    const fits = frame.name.slice(0, Math.floor(width / 6.5))
    parts.push(
      `<g><title>${escaped(told)}</title><rect x="${x.toFixed(1)}" y="${level * LINE + 24}" width="${width.toFixed(1)}" height="${LINE - 1}" fill="${colourOf(frame)}"/>` +
        (fits.length > 2 ? `<text x="${(x + 2).toFixed(1)}" y="${level * LINE + 36}">${escaped(fits)}</text>` : '') +
        '</g>',
    )
    let left = x
    for (const child of frame.children) {
      add(child, left, level + 1)
      left += child.all * scale
    }
  }
  add(root, 0, 0)
  const height = (depth + 1) * LINE + 30
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="ui-monospace, monospace" font-size="10.5">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/><text x="4" y="15">${escaped(title)}: ${(root.all / 1000).toFixed(0)} ms of processor time</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

/** Warm for commlib, cool for its dependencies, grey for Node. */
function colourOf({ where, name }: Frame): string {
  if (where.startsWith('node:') || where === '' || name.startsWith('(')) return '#cbd5e1'
  return /node_modules|build|lib/.test(where) ? '#93c5fd' : '#fdba74'
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
