import { CommlibError } from '@commlib/core/internal'
import { bestEffortOutlet, type Outlet, type OutletOptions, reliableOutlet } from './outlet.ts'

/** Opens the end of a lane: best-effort or reliable. */
export async function openOutlet(options: OutletOptions): Promise<Outlet> {
  const { sink, reliable } = options
  if (!reliable) return bestEffortOutlet(options)
  const { transport } = sink
  if (transport.supports.reliable === false) {
    throw new CommlibError('UNSUPPORTED', `${transport.name} confirms no messages: the sink cannot be reliable`)
  }
  return reliableOutlet(options)
}
