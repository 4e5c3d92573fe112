import { library } from '../../tsup.base.ts'

export default library({
  chunks: { actions: /^src\/actions\// },
  bundled: [/^typebox\/schema$/],
})
