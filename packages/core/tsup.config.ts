import { library } from '../../tsup.base.ts'

export default library({
  chunks: {
    actions: /^src\/actions\//,
    debug: /^src\/debug\.ts$/,
    memory: /^src\/memory\//,
    validator: /^src\/contracts\/(adapter|typebox)\.ts$|node_modules\/typebox\//,
  },
  apart: ['src/endpoints/subscriber-iterator.ts'],
  bundled: [/^typebox\/schema$/],
})
