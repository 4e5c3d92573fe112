import { rpc } from '@commlib/core'
import Type from 'typebox'

export const Work = rpc('shelf.pick', {
  request: Type.Object({ item: Type.String() }),
  response: Type.Object({ by: Type.String() }),
})
