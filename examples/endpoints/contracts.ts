import { event, rpc, topic } from '@commlib/core'
import Type from 'typebox'

export const Level = topic('tank.level', Type.Object({ litres: Type.Number() }))

export const Fill = rpc('tank.fill', {
  request: Type.Object({ litres: Type.Number({ exclusiveMinimum: 0 }) }),
  response: Type.Object({ litres: Type.Number() }),
})

export const Full = event('tank.full', Type.Object({ litres: Type.Number() }))
