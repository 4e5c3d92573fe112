const words = new Uint32Array(256)
let used = words.length

/** 32 random bits, cheaply: many are made at a time. */
export function randomWord(): number {
  if (used === words.length) {
    crypto.getRandomValues(words)
    used = 0
  }
  // There are as many as it is long.
  return words[used++] as number
}

/** 32 random hexadecimal digits, as commlib-py's ids. */
export function randomId(): string {
  return Array.from({ length: 4 }, () => randomWord().toString(16).padStart(8, '0')).join('')
}
