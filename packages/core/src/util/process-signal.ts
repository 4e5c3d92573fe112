/** Calls `listener` at each of these signals that the process gets, until the function that it returns is called. */
export function onSignals(names: readonly string[], listener: () => void): () => void {
  const { process } = globalThis
  for (const name of names) process?.on(name as NodeJS.Signals, listener)
  return () => {
    for (const name of names) process?.off(name as NodeJS.Signals, listener)
  }
}
