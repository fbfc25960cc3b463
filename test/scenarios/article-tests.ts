import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { scenarios } from '../../scenarios/index.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { decodeShareLink } from '../../src/scenario/share-link.ts'
import { runOf, sourceOf } from './catalog-runs.ts'
import type { Expectations } from './expectations.ts'

const articleOf = (id: string): string => readFileSync(new URL(`../../scenarios/${id}/article.md`, import.meta.url), 'utf8')

/** Addresses of share links in an article. */
function shareLinks(text: string): string[] {
  return [...text.matchAll(/href="(#[^"]*)"/g)].map(([, address = '']) => address.replaceAll('&amp;', '&'))
}

/** Registers tests of a scenario's article and its lesson. */
export function testArticle(id: string, { figures, waits = [] }: Expectations): void {
  const { title, summary } = scenarios[id]
  const text = articleOf(id)

  test('the list says what the scenario says of itself', () => {
    const source = sourceOf(id)
    assert.deepEqual([source.id, source.title, source.summary], [id, title, summary])
  })

  test('its article is short, and names its sources', () => {
    const words = text.split(/\s+/).length
    assert.ok(words >= 250 && words <= 600, `${String(words)} words`)
    assert.match(text, /rfc-editor\.org\/rfc\/rfc\d+/)
  })

  test('what the article says that it measured is what comes out', () => {
    // Lines are wrapped, and tables set.
    const plain = text.replace(/\s+/g, ' ')
    for (const figure of figures()) assert.ok(plain.includes(figure), figure)
  })

  test('the runs that it links to are valid', () => {
    for (const address of shareLinks(text)) {
      const shared = decodeShareLink(address)
      assert.ok(shared, address)
      assert.deepEqual(shared.scenario, { id })
      const resolved = resolveScenario(sourceOf(id), {
        knobs: shared.knobs,
        ...(shared.seed !== undefined && { seed: shared.seed }),
      })
      assert.ok(parseInterventions(shared.log, resolved))
    }
  })

  test('its lesson has 4 to 7 short steps, some of which wait for something', () => {
    const lesson = sourceOf(id).lesson ?? []
    assert.ok(lesson.length >= 4 && lesson.length <= 7, `${String(lesson.length)} steps`)
    assert.ok(
      lesson.every((step) => step.text.length < 400),
      'each is short',
    )
    assert.ok(lesson.filter(({ until }) => until !== undefined).length >= 2, 'two wait for something')
  })

  test('what its lesson waits for happens in the scenario, or in one of its variants', () => {
    const names = new Set([{}, ...waits].flatMap((setup) => runOf(id, setup).trace.events.map(({ name }) => name)))
    const end = runOf(id).trace.events.at(-1)?.time ?? 0
    for (const { until } of resolveScenario(sourceOf(id)).lesson) {
      if (until !== undefined && 'event' in until) assert.ok(names.has(until.event), until.event)
      if (until !== undefined && 'time' in until) assert.ok(until.time <= end, String(until.time))
    }
  })
}
