// Signs a delivery as the senders' own libraries do, has them check it, and says the headers as JSON. Read from standard input by
// node in the folder where the libraries are: node --input-type=module - SCHEME KEY BODY AT ID. Status 77: there is no such library.
const [scheme, key, body, at, id] = process.argv.slice(2);

async function load(name) {
  try {
    return await import(name);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    process.exit(77);
  }
}

const schemes = {
  async stripe() {
    const Stripe = (await load("stripe")).default;
    const webhooks = new Stripe("sk_test_unused").webhooks;
    const header = webhooks.generateTestHeaderString({ payload: body, secret: key, timestamp: Number(at) });
    webhooks.constructEvent(body, header, key);
    return { "Stripe-Signature": header };
  },
  async "standard-webhooks"() {
    const { Webhook } = await load("standardwebhooks");
    const webhook = new Webhook(key);
    const headers = { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": webhook.sign(id, new Date(at * 1000), body) };
    webhook.verify(body, headers);
    return headers;
  },
  async github() {
    const { sign, verify } = await load("@octokit/webhooks-methods");
    const signature = await sign(key, body);
    if (!(await verify(key, body, signature))) throw new Error("it does not take its own signature");
    return { "X-Hub-Signature-256": signature, "X-GitHub-Delivery": id };
  },
};
console.log(JSON.stringify(await schemes[scheme]()));
