import { rpc, topic } from '@commlib/core'
import Type from 'typebox'

const Image = Type.Object({ image: Type.String() })

export const Thumbnail = rpc('images.thumbnail', {
  request: Image,
  response: Type.Object({ image: Type.String(), by: Type.String() }),
})
export const Uploaded = topic('images.uploaded', Image, { reliable: true })
