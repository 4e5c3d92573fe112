import { rpc } from '@commlib/core'
import Type from 'typebox'

export const Echo = rpc('echo', {
  request: Type.Object({ text: Type.String() }),
  response: Type.Object({ text: Type.String() }),
})
