import type { Entry } from './csv.ts'
import { groups } from './groups.ts'
import { peers } from './peers/index.ts'
import { median } from './statistics.ts'

const WIDTH = 860
const LABEL = 330
const BAR = 13
const COLOURS = ['#0f766e', '#94a3b8', '#64748b', '#b45309', '#9f1239', '#4338ca', '#15803d']

/** Bars of one transport's rows: how fast each peer is, in units of the fastest, so that longer is faster in each row. */
export function toChart(title: string, entries: readonly Entry[]): string {
  const names = Object.keys(peers)
  const parts: string[] = []
  let y = 12
  for (const [row, own] of groups(entries, entry => entry.row)) {
    y += 18
    parts.push(text(8, y, `${row.title} (${row.unit})`, 'font-weight="600"'))
    y += 7
    const bars = groups(own, ({ peer }) => peer)
      .map(([peer, list]) => ({
        peer,
        name: list[0]?.name ?? peer,
        figure: median(list.map(({ figure }) => figure).filter(Number.isFinite)),
      }))
      .sort((a, b) => names.indexOf(a.peer) - names.indexOf(b.peer))
    const speeds = bars.map(({ figure }) => (row.unit === 'µs' ? 1 / figure : figure))
    const fastest = Math.max(...speeds.filter(Number.isFinite))
    bars.forEach(({ peer, name, figure }, i) => {
      const share = (speeds[i] ?? 0) / fastest
      const width = Number.isFinite(share) ? share * (WIDTH - LABEL - 90) : 0
      const colour = COLOURS[names.indexOf(peer) % COLOURS.length]
      parts.push(
        text(LABEL - 8, y + BAR - 3, name, 'text-anchor="end"'),
        `<rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${colour}"/>`,
        text(
          LABEL + width + 6,
          y + BAR - 3,
          Number.isFinite(figure) ? Math.round(figure).toLocaleString('en-US') : 'failed',
        ),
      )
      y += BAR
    })
  }
  const height = y + 14
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="11">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="#1e293b" ${attributes}>${escaped}</text>`
}
