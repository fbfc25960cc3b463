import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { after, REQUESTER, RESPONDER } from '../../../src/protocols/http1/state.ts'
import type { Transitions } from '../../../src/protocols/http1/state.ts'

/** Every state that a table can be in, every input that it can get: what comes of it, as lines of a table. */
function everything<State extends string, Input extends string>(
  table: Transitions<State, Input>,
  inputs: readonly Input[],
): string[] {
  const states = Object.keys(table) as State[]
  return states.map((state) => `${state}: ${inputs.map((input) => after(table, state, input) ?? '-').join(' ')}`)
}

describe('every state and every input', () => {
  test('requester', () => {
    assert.deepEqual(everything(REQUESTER, ['request', 'data', 'end', 'last-end', 'retire', 'close', 'fault', 'switch']), [
      'IDLE: SEND-BODY - - - MUST-CLOSE CLOSED ERROR SWITCHED',
      'SEND-BODY: - SEND-BODY IDLE MUST-CLOSE - - ERROR -',
      'MUST-CLOSE: - - - - MUST-CLOSE CLOSED ERROR -',
      'SWITCHED: - - - - - - - -',
      'CLOSED: - - - - CLOSED CLOSED ERROR -',
      'ERROR: - - - - ERROR ERROR ERROR -',
    ])
  })

  test('responder', () => {
    const inputs = [
      'request',
      'informational',
      'response',
      'data',
      'end',
      'next',
      'last-end',
      'retire',
      'close',
      'fault',
      'switch',
    ] as const
    assert.deepEqual(everything(RESPONDER, inputs), [
      'IDLE: SEND-RESPONSE - - - - - - MUST-CLOSE CLOSED ERROR -',
      'SEND-RESPONSE: - SEND-RESPONSE SEND-BODY - - - - - - ERROR SWITCHED',
      'SEND-BODY: - - - SEND-BODY IDLE SEND-RESPONSE MUST-CLOSE - - ERROR -',
      'MUST-CLOSE: - - - - - - - MUST-CLOSE CLOSED ERROR -',
      'SWITCHED: - - - - - - - - - - -',
      'CLOSED: - - - - - - - CLOSED CLOSED ERROR -',
      'ERROR: - - - - - - - ERROR ERROR ERROR -',
    ])
  })
})
