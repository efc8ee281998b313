// node's `soap` with the WSDL. Usage: node node_soap.js http://host:port SendSmsSoap|SendSmsSoap12 KONTO PASSWD TEXT...

const soap = require('soap');

const [host, port, konto, passwd, ...texts] = process.argv.slice(2);

async function main() {
  const options = { forceSoap12Headers: port.endsWith('12') };
  const client = await soap.createClientAsync(`${host}/sendsms/sendsms.asmx?wsdl`, options);
  const call = (operation, args) =>
    new Promise((resolve, reject) => {
      client.SendSms[port][operation](args, (error, result) =>
        error ? reject(error) : resolve(result[`${operation}Result`]));
    });
  const send = (passwd, meddelande) =>
    call('sms', { konto, passwd, till: '46712345678', from: 'iP1', meddelande, prio: '1' });

  const refused = await send('wrong', 'x');
  const balances = [await call('balans', { konto, passwd })];
  const ids = [];
  for (const text of texts) {
    ids.push(await send(passwd, text));
  }
  console.log(JSON.stringify({ refused, balances, ids }));
}

main();
