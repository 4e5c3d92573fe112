/**
 * When mqtt.js asks the broker for a sign of life, for its option `timerVariant`: at half a keepalive instead of a
 * whole, since a process that is late with it would be cut off at one and a half; and silence ends the connection
 * only when what has come meanwhile is read, since a process that was busy may have the answer unread.
 *
 * mqtt.js counts the ticks since the last answer: the second asks, the third gives up.
 */
export const keepaliveTimer = {
  set(tick: () => void, half: number): number {
    const id = ++lastId
    let halves = 0
    const interval = setInterval(() => {
      halves++
      if (halves === 1) {
        tick()
        tick()
      } else if (halves === 3) {
        setImmediate(() => {
          if (running.has(id)) tick()
        })
      }
    }, half)
    running.set(id, interval)
    return id
  },

  clear(id: number): void {
    clearInterval(running.get(id))
    running.delete(id)
  },
}

const running = new Map<number, ReturnType<typeof setInterval>>()
let lastId = 0
