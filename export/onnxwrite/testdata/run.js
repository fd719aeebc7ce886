// Runs ONNX files in ONNX Runtime: node run.js JOBS.json, a list of {model, inputs: [{type, dims,
// data}], ...}; prints a list of the outputs of each, in the files' order.
const ort = require('onnxruntime-node');
const jobs = JSON.parse(require('fs').readFileSync(process.argv[2]));
(async () => {
  const all = [];
  for (const job of jobs) {
    const session = await ort.InferenceSession.create(job.model, {intraOpNumThreads: 1, logSeverityLevel: 3});
    const feed = {};
    job.inputs.forEach((x, i) => {
      const data = x.type === 'int64' ? BigInt64Array.from(x.data.map(BigInt)) : Float32Array.from(x.data);
      feed[session.inputNames[i]] = new ort.Tensor(x.type, data, x.dims);
    });
    const out = await session.run(feed);
    all.push(session.outputNames.map((name) => Array.from(out[name].data)));
  }
  console.log(JSON.stringify(all));
})();
