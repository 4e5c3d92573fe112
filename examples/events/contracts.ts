import { event } from '@commlib/core'
import Type from 'typebox'

export const LightsOn = event('bedroom.lights.on', {
  name: 'TurnOnBedroomLights',
  description: 'Somebody wants light in the bedroom',
  payload: Type.Object({ level: Type.Number({ minimum: 0, maximum: 1 }) }),
})

/** The short form: the name is the uri. */
export const Doorbell = event('door.bell', Type.Object({ rings: Type.Integer() }))
