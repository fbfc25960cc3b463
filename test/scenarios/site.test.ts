import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { articlePage } from '../../scenarios/site/article-page.ts'
import { indexPage } from '../../scenarios/site/index-page.ts'

const HOSTILE = `"><script>alert('1')</script>&`
const SAFE = '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;'

describe('the front page', () => {
  it('lists each scenario with its sentence, its picture and a link', () => {
    const html = indexPage({ root: './' }, [{ title: 'One', summary: 'First.', href: 'one/', thumbnail: 'one/thumbnail.svg' }])
    assert.match(html, /<h3><a href="one\/">One<\/a><\/h3>/)
    assert.match(html, /<img src="one\/thumbnail\.svg" alt=""/)
    assert.match(html, /<p>First\.<\/p>/)
    assert.doesNotMatch(html, /<packet-playground scenario="one">/)
  })

  it('plays one scenario at its top', () => {
    assert.match(indexPage({ root: './' }, [], 'one'), /<packet-playground scenario="one"><\/packet-playground>/)
  })

  it('takes no markup from titles and addresses', () => {
    const html = indexPage({ root: './' }, [{ title: HOSTILE, summary: HOSTILE, href: HOSTILE, thumbnail: HOSTILE }], HOSTILE)
    assert.equal(html.includes(HOSTILE), false)
    assert.equal(html.split(SAFE).length, 6)
  })
})

describe('an article', () => {
  const article = { id: 'one', title: 'One', summary: 'First.', html: '<p>Text</p>' }

  it('has the playground between its title and its text', () => {
    const html = articlePage({ root: '../' }, article)
    const places = ['<h1>One</h1>', 'First.', '<packet-playground scenario="one">', '<p>Text</p>'].map((part) =>
      html.lastIndexOf(part),
    )
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    )
    assert.ok(places[0] > 0)
    assert.match(html, /src="\.\.\/packetarium\.js"/)
    assert.match(html, /href="\.\.\/site\.css"/)
  })

  it('has one heading and one playground, also when the text brings its own', () => {
    const own = '<h1 id="x">My <em>own</em></h1><p>Before</p><packet-playground scenario="two"></packet-playground>'
    const html = articlePage({ root: '../' }, { ...article, html: own })
    assert.equal(html.match(/<h1/g)?.length, 1)
    assert.match(html, /<h1>My <em>own<\/em><\/h1>/)
    assert.equal(html.match(/<packet-playground/g)?.length, 1)
  })

  it('leads on to its neighbours', () => {
    const html = articlePage({ root: '../' }, { ...article, previous: undefined, next: { title: 'Two & more', href: '../two/' } })
    assert.match(html, /<a class="next" rel="next" href="\.\.\/two\/"><small>Next<\/small>Two &amp; more<\/a>/)
    assert.doesNotMatch(html, /class="prev"/)
    assert.doesNotMatch(articlePage({ root: '../' }, article), /class="onward"/)
  })

  it('keeps a number and its unit on one line, in text only', () => {
    const html = articlePage(
      { root: '../' },
      { ...article, html: '<p title="3 ms">After 3 ms, 64 KiB, or 5 %: 4 servers, 2 <b>s</b>.</p>' },
    )
    assert.match(html, /<p title="3 ms">After 3\u00a0ms, 64\u00a0KiB, or 5\u00a0%: 4 servers, 2 <b>s<\/b>\.<\/p>/)
  })

  it('takes no markup from its title and summary', () => {
    assert.equal(articlePage({ root: '../' }, { ...article, title: HOSTILE, summary: HOSTILE }).includes(HOSTILE), false)
  })
})
