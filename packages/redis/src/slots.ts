import type { Argument } from './connection.ts'
import { isReply } from './errors.ts'
import { isEncoded } from './resp/writer.ts'

/** How many slots a cluster has. */
export const SLOTS = 16_384

/** Commands of ours that go to any node: they name no key. */
const KEYLESS = new Set(['publish', 'time', 'ping', 'client', 'cluster', 'role', 'asking', 'subscribe', 'psubscribe'])

/** The first key that a command names: all of them are in one slot. */
export function keyOf(name: string, args: readonly Argument[]): string | undefined {
  const command = name.toLowerCase()
  if (KEYLESS.has(command)) return undefined
  let at = 0
  if (command === 'eval' || command === 'evalsha') {
    const [, keys, key] = args.flatMap<Argument>(arg => (isEncoded(arg) ? arg.args : arg))
    return Number(keys) === 0 ? undefined : String(key)
  }
  if (command === 'xgroup' || command === 'xinfo') at = 1
  else if (command === 'xread' || command === 'xreadgroup') at = args.indexOf('streams') + 1
  else if (command === 'blmpop') at = 2
  return String(args[at])
}

/** What of a key decides over its slot: what stands in its first braces, if there are any with something in them. */
export function tagOf(key: string): string {
  const begin = key.indexOf('{')
  const end = begin < 0 ? -1 : key.indexOf('}', begin + 1)
  return end > begin + 1 ? key.slice(begin + 1, end) : key
}

/** The slot that a key is in. */
export function slotOf(key: string): number {
  return crcOf(Buffer.from(tagOf(key))) % SLOTS
}

/** The CRC that slots are counted by. @param crc that of what stands before */
export function crcOf(bytes: Uint8Array, crc = 0): number {
  let result = crc
  for (const byte of bytes) result = ((result << 8) & 0xffff) ^ (TABLE[(result >> 8) ^ byte] as number)
  return result
}

/** CRC-16 as XMODEM has it. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** What a node says of a slot that is not, or not wholly, its own. */
export interface Redirect {
  /** It has moved for good; it is moving, and what is missing is there already; or keys are in both places. */
  readonly type: 'moved' | 'ask' | 'try again'
  readonly slot: number

  /** Where it is, `host:port`. */
  readonly address: string
}

/** @param asked the address of the node that has answered with this error */
export function redirectOf(error: unknown, asked: string): Redirect | undefined {
  if (!isReply(error)) return undefined
  if (error.message.startsWith('TRYAGAIN')) return { type: 'try again', slot: -1, address: asked }
  const [, word, slot, address] = /^(MOVED|ASK) (\d{1,5}) (\S*:\d{1,5})$/.exec(error.message) ?? []
  if (slot === undefined || address === undefined || Number(slot) >= SLOTS) return undefined
  const host = /^:\d+$/.test(address) ? asked.slice(0, asked.lastIndexOf(':')) : ''
  return { type: word === 'MOVED' ? 'moved' : 'ask', slot: Number(slot), address: host + address }
}
