import type { Socket } from 'node:net'

/** What slows bytes down; it may change while they pass. */
export interface Shape {
  /** Milliseconds each byte is held. */
  latency: number

  /** Bytes a second. */
  bandwidth: number
}

/** Bytes held back before the source is told to wait. */
const HELD = 1024 * 1024

/**
 * Forwards one direction of a connection.
 *
 * @param pass what of a chunk goes on, asked when it leaves; `undefined` loses it. It is given `undefined` at the end
 */
export function createPump(
  source: Socket,
  sink: Socket,
  shape: Readonly<Shape>,
  pass: (chunk: Uint8Array | undefined) => Uint8Array | undefined,
): void {
  const held: Array<{ readonly chunk: Uint8Array | undefined; readonly due: number }> = []
  let size = 0
  let free = 0
  let timer: NodeJS.Timeout | undefined

  const send = (chunk: Uint8Array | undefined) => {
    const passed = pass(chunk)
    if (passed === undefined || passed.length === 0 || !sink.writable) return
    if (!sink.write(passed)) {
      source.pause()
      sink.once('drain', () => source.resume())
    }
  }

  const drain = () => {
    timer = undefined
    const now = performance.now()
    for (let next = held[0]; next !== undefined; next = held[0]) {
      if (next.due > now) {
        timer = setTimeout(drain, next.due - now)
        return
      }
      held.shift()
      size -= next.chunk?.length ?? 0
      send(next.chunk)
    }
    if (source.isPaused() && !sink.writableNeedDrain) source.resume()
  }

  const take = (chunk: Uint8Array | undefined) => {
    const now = performance.now()
    free = Math.max(now, free) + ((chunk?.length ?? 0) / shape.bandwidth) * 1000
    const due = free + shape.latency
    if (held.length === 0 && due <= now) {
      send(chunk)
      return
    }
    held.push({ chunk, due })
    size += chunk?.length ?? 0
    if (size > HELD) source.pause()
    timer ??= setTimeout(drain, due - now)
  }

  source.on('data', take)
  source.on('end', () => take(undefined))
  source.once('close', () => {
    if (sink.destroyed) clearTimeout(timer)
  })
}
