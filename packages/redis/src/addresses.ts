import { crcOf, SLOTS, slotOf } from './slots.ts'

/** The return addresses of one client. */
export interface Addresses {
  /** The list that all calls share. */
  readonly root: string

  /** The return address of a call, and the name of its own list. */
  of(token: string): string

  /** The token, of what stands after the root and a dot in an address. */
  tokenOf(rest: string): string
}

/** On one server, an address is the root and the token. */
export function plainAddresses(root: string): Addresses {
  return { root, of: token => `${root}.${token}`, tokenOf: rest => rest }
}

/**
 * In a cluster, characters at the end of an address put it into the slot of the root: one command reads both, and to
 * everybody else it is an address like all others.
 */
export function clusterAddresses(root: string): Addresses {
  const slot = slotOf(root)
  const suffixes = new Suffixes()
  return {
    root,
    of: token => {
      const address = `${root}.${token}`
      return address + suffixes.into(slot, address)
    },
    tokenOf: rest => rest.slice(0, -LENGTH),
  }
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_'
const LENGTH = 3
const ZEROS = Buffer.alloc(LENGTH)

/** Names that bring a key into any slot when they are put after it. */
class Suffixes {
  #byRemainder: readonly string[] | undefined

  into(slot: number, key: string): string {
    this.#byRemainder ??= tabulate()
    // A CRC is linear: that of key and suffix is that of key and zeros, exclusive or that of the suffix.
    return this.#byRemainder[slot ^ (crcOf(ZEROS, crcOf(Buffer.from(key))) % SLOTS)] as string
  }
}

function tabulate(): readonly string[] {
  const found = new Array<string>(SLOTS)
  const suffix = Buffer.alloc(LENGTH)
  for (let n = 0; n < ALPHABET.length ** LENGTH; n++) {
    for (let i = 0; i < LENGTH; i++) suffix[i] = ALPHABET.charCodeAt((n >> (6 * i)) & 63)
    found[crcOf(suffix) % SLOTS] ??= suffix.toString()
  }
  return found
}
