import { createServer, type Server } from 'node:http'
import type { Report } from './supervisor.ts'

/** Serves how it stands: JSON for people and probes, text for Prometheus. */
export async function serveHealth(
  { host, port }: { readonly host: string; readonly port: number },
  report: () => Report,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'text/plain', 'GET only\n')
    if (pathname === '/health') {
      const now = report()
      const ok = isHealthy(now)
      answer(
        ok ? 200 : 503,
        'application/json',
        `${JSON.stringify({ status: ok ? 'ok' : 'degraded', ...now }, null, 2)}\n`,
      )
    } else if (pathname === '/metrics') answer(200, 'text/plain; version=0.0.4; charset=utf-8', metricsOf(report()))
    else answer(404, 'text/plain', 'GET /health or /metrics\n')
  })
  await listen(server, host, port)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}

function isHealthy({ brokers, bridges }: Report): boolean {
  return brokers.every(({ connected }) => connected) && bridges.every(({ state }) => state === 'running')
}

const HELP = {
  forwarded: ['counter', 'Messages that the sink has taken, calls that were answered.'],
  dropped: ['counter', 'Messages that were lost.'],
  filtered: ['counter', 'Messages that a filter or a limit has stopped.'],
  looped: ['counter', 'Messages that had been on the other side before.'],
  errors: ['counter', 'Messages and calls that failed.'],
  spooled: ['gauge', 'Messages that wait on disk.'],
} as const

/** The text format of Prometheus. */
export function metricsOf({ brokers, bridges }: Report): string {
  const lines: string[] = []
  const metric = (name: string, type: string, help: string, values: readonly (readonly [string, number])[]) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [labels, value] of values) lines.push(`${name}{${labels}} ${value}`)
  }
  const labels = ({ name, kind, from, to }: Report['bridges'][number]) =>
    Object.entries({ bridge: name, kind, from, to })
      .map(([key, value]) => `${key}="${escaped(value)}"`)
      .join(',')
  for (const [key, [type, help]] of Object.entries(HELP)) {
    const name = `commlib_bridge_${key}${type === 'counter' ? '_total' : ''}`
    metric(
      name,
      type,
      help,
      bridges.map(each => [labels(each), each.counters[key as keyof typeof HELP]]),
    )
  }
  const seconds = bridges.map(each => [labels(each), each.counters.lag / 1000] as const)
  metric('commlib_bridge_lag_seconds', 'gauge', 'How long the oldest unconfirmed message has waited.', seconds)
  const up = bridges.map(each => [labels(each), each.state === 'running' ? 1 : 0] as const)
  metric('commlib_bridge_up', 'gauge', 'Whether the bridge is open.', up)
  const connected = brokers.map(({ name, connected }) => [`broker="${escaped(name)}"`, connected ? 1 : 0] as const)
  metric('commlib_bridge_broker_connected', 'gauge', 'Whether the broker is connected.', connected)
  return `${lines.join('\n')}\n`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
