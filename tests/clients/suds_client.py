"""Python's suds with the WSDL. Usage: python suds_client.py http://host:port KONTO PASSWD TEXT..."""

import json
import sys

from suds.client import Client


def main(host: str, konto: str, passwd: str, *texts: str) -> None:
    """Call balans, and sms with a wrong key and with each text."""
    service = Client(f"{host}/sendsms/sendsms.asmx?wsdl", cache=None, timeout=20).service

    def send(passwd: str, text: str) -> str:
        message = {"till": "46712345678", "from": "iP1", "meddelande": text, "prio": "1"}
        answer: str = service.sms(konto=konto, passwd=passwd, **message)
        return answer

    refused, balances = send("wrong", "x"), [service.balans(konto=konto, passwd=passwd)]
    sys.stdout.write(json.dumps({"refused": refused, "balances": balances, "ids": [send(passwd, t) for t in texts]}))


main(*sys.argv[1:])
