/** Resolves with the next of these signals that the process gets; rejects when aborted. */
export function nextSignal(names: readonly string[], signal?: AbortSignal): Promise<string> {
  const { process } = globalThis
  return new Promise((resolve, reject) => {
    const end = () => {
      for (const name of names) process?.off(name as NodeJS.Signals, onSignal)
    }
    const onSignal = (name: string) => {
      end()
      resolve(name)
    }
    for (const name of names) process?.on(name as NodeJS.Signals, onSignal)
    signal?.addEventListener('abort', () => {
      end()
      reject(signal.reason)
    })
  })
}
