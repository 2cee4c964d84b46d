// onnx_bench.js - times onnxruntime on the graph that to_onnx.py wrote.
//
//     node onnx_bench.js MODULE decode|prefill GRAPH THREADS    prints tokens/s
//     node onnx_bench.js MODULE start GRAPH THREADS             prints the token after the tokens 100
//                                                               to 107, and the first four scores
//
// MODULE is the folder of onnxruntime-node, as an absolute path.
'use strict';

const [module_folder, what, graph, threads] = process.argv.slice(2);
const ort = require(module_folder);

const VOCAB_SIZE = 50257;
const OPTIONS = {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
};

// The graph, and the keys and values that it gave back, which it wants next time.
class Engine {
  constructor(session) {
    this.session = session;
    this.caches = session.inputMetadata.filter((input) => input.name !== 'ids');
    this.forget();
  }

  forget() {
    this.past = {};
    for (const { name, shape } of this.caches)
      this.past[name] = new ort.Tensor('float32', new Float32Array(0), [shape[0], 0, shape[2]]);
  }

  // The scores after the tokens.
  async evaluate(tokens) {
    const ids = new ort.Tensor('int64', BigInt64Array.from(tokens, BigInt), [tokens.length]);
    const out = await this.session.run({ ids, ...this.past });
    for (const { name } of this.caches)
      this.past[name] = out[name.replace('past_', 'now_')];
    return out.logits.data;
  }
}

function randomTokens(count) {
  let seed = 1;
  return Array.from({ length: count }, () => (seed = (seed * 48271) % 2147483647) % VOCAB_SIZE);
}

async function secondsFor(work) {
  const begin = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - begin) / 1e9;
}

// Seconds for n tokens, one by one, after a text of 16.
async function decode(engine, ids, n) {
  engine.forget();
  await engine.evaluate(ids.slice(0, 16));
  return secondsFor(async () => {
    for (const id of ids.slice(16, 16 + n)) await engine.evaluate([id]);
  });
}

// Seconds for n tokens at once.
async function prefill(engine, ids, n) {
  engine.forget();
  return secondsFor(() => engine.evaluate(ids.slice(0, n)));
}

async function main() {
  const engine = new Engine(await ort.InferenceSession.create(graph, OPTIONS));
  if (what === 'start') {
    const scores = await engine.evaluate([100, 101, 102, 103, 104, 105, 106, 107]);
    const best = scores.reduce((top, score, id) => (score > scores[top] ? id : top), 0);
    console.log(best, ...Array.from(scores.slice(0, 4), (score) => score.toFixed(6)));
    process.exit(0); // tearing down is not of interest
  }
  const ids = randomTokens(16 + 512);
  const [measure, warm, n] = what === 'decode' ? [decode, 8, 200] : [prefill, 512, 512];
  await measure(engine, ids, warm);
  console.log((n / (await measure(engine, ids, n))).toPrecision(6));
}

main().catch((error) => {
  console.error(`onnx_bench.js: ${error.message}`);
  process.exit(1);
});
