import type { TransportSupports } from '@commlib/core/internal'

/** What a bridge from one broker to another promises, in the words of the README. */
export interface Guarantee {
  readonly reliableTopic: boolean
  readonly reliablePattern: boolean
  readonly latched: boolean
  readonly ids: 'always' | 'reliable' | 'never'
  readonly noService: boolean
}

/** Never more than the weaker of the two can do. */
export function guaranteeOf(source: TransportSupports, sink: TransportSupports): Guarantee {
  const weakest = (['never', 'reliable', 'always'] as const).find(
    each => source.headers === each || sink.headers === each,
  )
  return {
    reliableTopic: source.reliable !== false && sink.reliable !== false,
    reliablePattern: source.reliable === true && sink.reliable !== false,
    latched: source.latched !== false && sink.latched !== false,
    ids: weakest ?? 'never',
    noService: sink.noService !== 'never',
  }
}

/** A line of the README's table. */
export function lineOf(from: string, to: string, guarantee: Guarantee): string {
  const { reliableTopic, reliablePattern, latched, ids, noService } = guarantee
  return [
    '',
    ` ${from} → ${to} `,
    ' best-effort ',
    ` ${reliableTopic ? 'at least once' : '`UNSUPPORTED`'} `,
    ` ${reliablePattern ? 'at least once' : '`UNSUPPORTED`'} `,
    ` ${latched ? 'kept' : '`UNSUPPORTED`'} `,
    ` ${{ always: 'all messages', reliable: 'reliable messages', never: 'in this process' }[ids]} `,
    ` ${noService ? '`NO_SERVICE`' : '`TIMEOUT`'} `,
    '',
  ].join('|')
}
