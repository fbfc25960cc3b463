import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ForwardRto, type TimeoutVerdict } from '../../../src/protocols/tcp/frto.ts'

/** What an acknowledgment says. */
interface Said {
  advanced?: boolean
  all?: boolean
  news?: boolean
  original?: boolean
  mayProbe?: boolean
}

function after(sack: boolean, applies: boolean, ...acknowledgments: Said[]): { verdicts: TimeoutVerdict[]; sendsNew: boolean } {
  const frto = new ForwardRto()
  frto.begin(applies)
  const verdicts = acknowledgments.map(({ advanced = false, all = false, news = advanced, original = false, mayProbe = true }) =>
    frto.acknowledged(advanced, all, news, original, sack, mayProbe),
  )
  return { verdicts, sendsNew: frto.sendsNew }
}

const RETRANSMITTED: Said = { advanced: true }
const REPETITION: Said = {}
const ORIGINAL: Said = { advanced: true, original: true }
const COMMON: readonly (readonly [says: string, acknowledgments: Said[], verdicts: TimeoutVerdict[], sendsNew: boolean])[] = [
  ['2a: everything is acknowledged: it cannot be told', [{ ...ORIGINAL, all: true }, ORIGINAL], ['open', 'open'], false],
  ['2b: the retransmission is acknowledged: new data goes out', [RETRANSMITTED], ['probe'], true],
  ['2b: without new data there is no question', [{ ...RETRANSMITTED, mayProbe: false }, ORIGINAL], ['open', 'open'], false],
  ['3b: then something that was sent once: spurious', [RETRANSMITTED, ORIGINAL], ['probe', 'spurious'], false],
  ['it is asked once', [RETRANSMITTED, ORIGINAL, ORIGINAL], ['probe', 'spurious', 'open'], false],
]

for (const [says, acknowledgments, verdicts, sendsNew] of COMMON) {
  test(`RFC 5682 sections 2.1 and 3.1, step ${says}`, () => {
    for (const sack of [false, true]) assert.deepEqual(after(sack, true, ...acknowledgments), { verdicts, sendsNew })
    assert.deepEqual(
      after(true, false, ...acknowledgments).verdicts,
      acknowledgments.map(() => 'open'),
      'nothing where it does not apply',
    )
  })
}

test('RFC 5682 section 2.1: without SACK a repetition ends it, before the new data or after', () => {
  assert.deepEqual(after(false, true, REPETITION, RETRANSMITTED), { verdicts: ['open', 'open'], sendsNew: false })
  assert.deepEqual(after(false, true, RETRANSMITTED, REPETITION, ORIGINAL), {
    verdicts: ['probe', 'real', 'open'],
    sendsNew: false,
  })
})

test('RFC 5682 section 3.1: with SACK a repetition without news leaves it waiting; one that tells of new data only ends it', () => {
  assert.deepEqual(after(true, true, REPETITION, RETRANSMITTED, REPETITION), {
    verdicts: ['open', 'probe', 'open'],
    sendsNew: true,
  })
  assert.deepEqual(after(true, true, RETRANSMITTED, { news: true }, ORIGINAL), {
    verdicts: ['probe', 'open', 'open'],
    sendsNew: false,
  })
})

test('RFC 5682 section 3.1: with SACK something that was sent once need not be acknowledged in order', () => {
  assert.deepEqual(after(true, true, { news: true, original: true }).verdicts, ['spurious'])
  assert.deepEqual(after(true, true, RETRANSMITTED, { news: true, original: true }).verdicts, ['probe', 'spurious'])
  assert.deepEqual(after(false, true, { news: true, original: true }).verdicts, ['open'], 'without SACK it cannot be seen')
})
