import { toJsonSchema } from '@valibot/to-json-schema'
import { linkSchema, linkSettings } from './link-schema.ts'
import { appOnItsOwn, hostSchema, knobSchema, scenarioFileSchema } from './schema.ts'
import { measuredClaimSchema } from './claim-schema.ts'

/**
 * The JSON Schema (draft 2020-12) of a scenario file, for editors and for other programs. It accepts all that `resolveScenario`
 * accepts of plain data; what holds between the parts, such as names, it cannot check.
 */
export function scenarioJsonSchema(): object {
  const definitions = {
    host: hostSchema,
    app: appOnItsOwn,
    link: linkSchema,
    settings: linkSettings,
    knob: knobSchema,
    claim: measuredClaimSchema,
  }
  const schema = toJsonSchema(scenarioFileSchema, {
    target: 'draft-2020-12',
    typeMode: 'input',
    // What a check asks for beyond the form stays unsaid.
    ignoreActions: ['check'],
    definitions,
  })
  return { ...schema, title: 'Packetarium scenario' }
}
