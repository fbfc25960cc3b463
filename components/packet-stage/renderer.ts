import 'pixi.js/unsafe-eval'
import { autoDetectRenderer, Container, ParticleContainer, Texture, type IParticle, type Renderer } from 'pixi.js'
import type { Theme } from '../theme.ts'
import { createAtlas, destroyAtlas, type Atlas } from './atlas.ts'
import { Mark, Tone, type DrawList } from './draw-list.ts'

/** The canvas of a stage. It draws when it is told to; it has no clock of its own. */
export interface StageRenderer {
  readonly canvas: HTMLCanvasElement
  draw(list: DrawList): void
  /** @param resolution device pixels for each CSS px */
  resize(width: number, height: number, resolution: number): void
  /** @param unit scale at which most things are drawn, so that they are sharp there */
  setTheme(theme: Theme, unit: number): void
  destroy(): void
}

export interface CanvasSize {
  readonly width: number
  readonly height: number
  readonly resolution: number
}

class Dot implements IParticle {
  x = 0
  y = 0
  scaleX = 1
  scaleY = 1
  anchorX = 0.5
  anchorY = 0.5
  rotation = 0
  color = 0xffffffff
  texture = Texture.EMPTY
}

/** 0xRRGGBB as the 0xBBGGRR that particles want. */
function bgr(colour: number): number {
  return ((colour & 0xff) << 16) | (colour & 0xff00) | (colour >> 16)
}

function toneColours(theme: Theme): number[] {
  const tones = [...theme.flows]
  tones[Tone.Lost] = theme.lost
  tones[Tone.Warning] = theme.warning
  tones[Tone.Line] = theme.line
  tones[Tone.LineStrong] = theme.lineStrong
  tones[Tone.Accent] = theme.accent
  tones[Tone.Band] = theme.sunken
  tones[Tone.Text] = theme.text
  tones[Tone.Muted] = theme.muted
  return tones.map(bgr)
}

class PixiStageRenderer implements StageRenderer {
  readonly #renderer: Renderer
  readonly #root = new Container()
  readonly #particles: ParticleContainer
  readonly #pool: Dot[] = []
  #used = 0
  #atlas: Atlas
  /** Of earlier themes: Pixi's shader holds on to the last texture that it has drawn from. */
  readonly #retired: Atlas[] = []
  #tones: readonly number[]
  #theme: Theme
  #unit: number
  #resolution: number

  constructor(renderer: Renderer, theme: Theme, unit: number, resolution: number) {
    this.#renderer = renderer
    this.#theme = theme
    this.#unit = unit
    this.#resolution = resolution
    this.#atlas = createAtlas(theme, resolution * unit)
    this.#tones = toneColours(theme)
    this.#particles = new ParticleContainer({
      dynamicProperties: { vertex: true, position: true, rotation: true, uvs: true, color: true },
    })
    this.#root.addChild(this.#particles)
    this.#root.eventMode = 'none'
  }

  get canvas(): HTMLCanvasElement {
    return this.#renderer.canvas
  }

  resize(width: number, height: number, resolution: number): void {
    const { screen } = this.#renderer
    if (screen.width === width && screen.height === height && resolution === this.#resolution) return
    this.#renderer.resize(width, height, resolution)
    if (resolution === this.#resolution) return
    this.#resolution = resolution
    this.setTheme(this.#theme, this.#unit)
  }

  setTheme(theme: Theme, unit: number): void {
    this.#theme = theme
    this.#unit = unit
    this.#retired.push(this.#atlas)
    this.#atlas = createAtlas(theme, this.#resolution * unit)
    this.#tones = toneColours(theme)
    for (const dot of this.#pool) dot.texture = Texture.EMPTY
    this.#particles.particleChildren.length = 0
    this.#particles.texture = this.#atlas.pictures[Mark.Solid * 8].texture
  }

  draw(list: DrawList): void {
    this.#used = 0
    for (let i = 0; i < list.count; i++) this.#add(list, i)
    const shown: IParticle[] = this.#particles.particleChildren
    // The pool's order never changes, so that only the difference to the last picture is touched.
    if (shown.length > this.#used) shown.length = this.#used
    for (let i = shown.length; i < this.#used; i++) shown.push(this.#pool[i])
    this.#particles.texture = this.#atlas.pictures[Mark.Solid * 8].texture
    this.#renderer.render(this.#root)
    if (this.#used > 0) for (const atlas of this.#retired.splice(0)) destroyAtlas(atlas)
  }

  #add(list: DrawList, i: number): void {
    const mark = list.mark[i]
    const tone = list.tone[i]
    const picture = this.#atlas.pictures[mark < Mark.Solid ? mark * 8 + tone : mark * 8]
    const tint = picture.coloured ? 0xffffff : this.#tones[tone]
    const color = (((list.alpha[i] * 255) << 24) | tint) >>> 0
    const x = list.x[i]
    const y = list.y[i]
    const angle = list.angle[i]
    const scale = list.scale[i]
    if (mark === Mark.Solid) {
      this.#put(picture.texture, x, y, angle, list.length[i] / 2, scale / 2, color)
      return
    }
    if (picture.ends === undefined) {
      this.#put(picture.texture, x, y, angle, scale, scale, color)
      return
    }
    // The pieces of a bar reach 2 px beyond it, for its rim.
    const end = picture.end * scale
    const half = (list.length[i] + 4 * scale) / 2
    const middle = Math.max(0, half * 2 - end * 2)
    const away = half - end / 2
    const cos = Math.cos(angle)
    const sin = Math.sin(angle)
    if (middle > 0) this.#put(picture.texture, x, y, angle, (middle + 0.4) / 2, scale, color)
    this.#put(picture.ends[0], x - cos * away, y - sin * away, angle, scale, scale, color)
    this.#put(picture.ends[1], x + cos * away, y + sin * away, angle, scale, scale, color)
  }

  #put(texture: Texture, x: number, y: number, angle: number, scaleX: number, scaleY: number, color: number): void {
    const at = this.#used++
    if (at === this.#pool.length) this.#pool.push(new Dot())
    const dot = this.#pool[at]
    dot.texture = texture
    dot.x = x
    dot.y = y
    dot.rotation = angle
    dot.scaleX = scaleX
    dot.scaleY = scaleY
    dot.color = color
  }

  destroy(): void {
    this.#particles.particleChildren.length = 0
    this.#root.destroy({ children: true })
    this.#renderer.destroy({ removeView: true })
    for (const atlas of [...this.#retired, this.#atlas]) destroyAtlas(atlas)
  }
}

/** Starts Pixi on a canvas of its own: WebGL, or the 2D canvas where there is none. */
export async function createStageRenderer(theme: Theme, unit: number, size: CanvasSize): Promise<StageRenderer> {
  const renderer = await autoDetectRenderer({
    ...size,
    preference: ['webgl', 'canvas'],
    autoDensity: true,
    backgroundAlpha: 0,
    antialias: false,
    // Only particles are drawn: Pixi's event, accessibility and DOM systems would put things into the page that nobody asked for.
    skipExtensionImports: true,
    powerPreference: 'low-power',
    gcActive: false,
  })
  // It would ask for every animation frame, for collecting garbage of which there is none: the pool is bounded by the picture.
  renderer.scheduler.destroy()
  return new PixiStageRenderer(renderer, theme, unit, size.resolution)
}
