import type { MemberState } from '../src/trace/measures/measure-spec.ts'

/** States of a crowd's members for people. */
export const STATE_WORDS: Readonly<Record<MemberState, string>> = {
  idle: 'idle',
  connecting: 'connecting',
  connected: 'connected',
  'backing-off': 'backing off',
  gone: 'gone',
  down: 'off',
}

/** CSS custom properties with the colours of states, the same on the stage, in charts and in panels. */
export const STATE_TOKENS: Readonly<Record<MemberState, string>> = {
  idle: '--pk-line-strong',
  connecting: '--pk-flow-5',
  connected: '--pk-flow-3',
  'backing-off': '--pk-flow-2',
  gone: '--pk-lost',
  down: '--pk-text',
}
