/**
 * Writes the gallery: an index and a page for each scenario, beside the scripts that they load.
 *
 *     node --import tsx scripts/build/gallery.ts FOLDER
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { marked } from 'marked'
import { scenarios } from '../../scenarios/index.ts'
import { articlePage, type Neighbour } from '../../scenarios/site/article-page.ts'
import { indexPage, type Card } from '../../scenarios/site/index-page.ts'
import { ICON } from '../../scenarios/site/page.ts'
import { loadScenario } from '../../src/scenario/catalog.ts'
import { runInline } from '../../src/run/run-inline.ts'
import { layeredLayout } from '../../src/scenario/layout.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { drawThumbnail } from './thumbnail.ts'

const source = resolve(import.meta.dirname, '../../scenarios')
const out = resolve(process.argv[2] ?? 'dist')

/** The scenario's own picture, or one of how its run begins. Returns the file's name. */
async function writeThumbnail(id: string): Promise<string> {
  const own = (await readdir(join(source, id))).find((name) => /^thumbnail\.(svg|webp|png|jpg)$/.test(name))
  if (own !== undefined) {
    const name = `thumbnail${extname(own)}`
    await copyFile(join(source, id, own), join(out, id, name))
    return name
  }
  const scenario = resolveScenario(await loadScenario(scenarios, id), { layout: layeredLayout })
  await writeFile(join(out, id, 'thumbnail.svg'), drawThumbnail(scenario, runInline(scenario).trace))
  return 'thumbnail.svg'
}

/** Pictures that the article shows. */
async function picturesOf(id: string): Promise<string[]> {
  return (await readdir(join(source, id))).filter((name) => /\.(svg|webp|png|jpg)$/.test(name) && !name.startsWith('thumbnail.'))
}

const entries = Object.entries(scenarios)
const neighbour = (index: number): Neighbour | undefined => {
  const entry = entries.at(index)
  return index < 0 || entry === undefined ? undefined : { title: entry[1].title, href: `../${entry[0]}/` }
}

/** What a visitor breaks first. */
const HERO = 'tcp-head-of-line'

const cards: Card[] = []
for (const [index, [id, { title, summary }]] of entries.entries()) {
  await mkdir(join(out, id), { recursive: true })
  const article = await readFile(join(source, id, 'article.md'), 'utf8')
  for (const picture of await picturesOf(id)) await copyFile(join(source, id, picture), join(out, id, picture))
  const html = marked.parse(article, { async: false })
  const page = articlePage(
    { root: '../' },
    { id, title, summary, html, previous: neighbour(index - 1), next: neighbour(index + 1) },
  )
  await writeFile(join(out, id, 'index.html'), page)
  cards.push({ title, summary, href: `${id}/`, thumbnail: `${id}/${await writeThumbnail(id)}` })
}

await writeFile(join(out, 'index.html'), indexPage({ root: './' }, cards, HERO))
await writeFile(join(out, 'icon.svg'), ICON)
await copyFile(join(source, 'site/site.css'), join(out, 'site.css'))
