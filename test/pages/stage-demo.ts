import '../../components/packet-stage/define.ts'
import { syntheticCrowd, syntheticDownload, syntheticZoo, type SyntheticRun } from './synthetic-run.ts'

/*
 * The stage on synthetic runs: `stage-demo.html?run=download|queue|zoo|crowd&at=120&play`, bundled with
 * `esbuild test/pages/stage-demo.ts --bundle --format=esm --outdir=…`, the page copied beside it.
 */

const RUNS: Readonly<Record<string, () => SyntheticRun>> = {
  download: () => syntheticDownload(),
  queue: () => syntheticDownload(16, 0.02),
  zoo: syntheticZoo,
  crowd: () => syntheticCrowd(1000),
}

declare global {
  interface Window {
    demoRun: SyntheticRun
  }
}

const parameters = new URLSearchParams(location.search)
const make = RUNS[parameters.get('run') ?? 'download'] ?? RUNS['download']
const run = make()
window.demoRun = run
const stage = document.createElement('packet-stage')
stage.run = run
document.querySelector('main')?.append(stage)
run.goTo(Number(parameters.get('at') ?? 0) * 1_000_000)
if (parameters.has('play')) run.play()
