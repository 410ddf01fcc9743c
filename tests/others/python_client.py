"""The official Python client against a sandbox: `python_client.py http://127.0.0.1:PORT/API/`."""

import json
import sys
import urllib.request

import kwtsms
import kwtsms._core

gateway = sys.argv[1]
kwtsms._core.BASE_URL = gateway
inbox = gateway.removesuffix("API/") + "api/"


def ask(path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(inbox + path, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def same(seen, want):
    assert seen == want, f"{seen!r} and not {want!r}"


sms = kwtsms.KwtSMS("python_user", "any", sender_id="KWT-TEST", log_file="")
same(sms.verify(), (True, 1000.0, None))
same(sms.senderids(), {"result": "OK", "senderids": ["KWT-SMS", "KWT-TEST"]})
same(sms.coverage()["prefixes"], ["965", "966", "968", "971", "973", "974"])
checked = sms.validate(["96598765432", "+447911123456", "96524817066", "abc"])
same((checked["ok"], checked["nr"], checked["er"]), (["96598765432"], ["447911123456"], ["96524817066", "abc"]))

# A code is waited for behind what was there before it was sent.
last = ask("messages?limit=0")["last"]
sent = sms.send("+965 9876 5432", "رمز التحقق: ١٢٣٤٥٦")
same((sent["result"], sent["numbers"], sent["points-charged"], sent["balance-after"]), ("OK", 1, 1, 999))
same(ask(f"otp?to=98765432&user=python_user&after={last}&timeout=5")["otp"], "123456")
message = ask("messages/" + sent["msg-id"])
same((message["text"], message["encoding"], message["test"]), ("رمز التحقق: 123456", "UCS-2", False))
same(sms.send("96598765432", "too soon")["code"], "ERR028")

bulk = sms.send([f"9655{i:07}" for i in range(250)], "Hello")
same((bulk["result"], bulk["batches"], bulk["numbers"], len(bulk["msg-ids"])), ("OK", 2, 250, 2))
same(sms.balance(), 749.0)

tested = kwtsms.KwtSMS("python_user", "any", sender_id="KWT-TEST", test_mode=True, log_file="")
same(tested.send("96551234567", "a test")["result"], "OK")
same(ask("messages?limit=1")["messages"][0]["state"], "stuck")

# What is refused is seen there with what it means.
ask("account", {"user": "python_user", "balance": 0}, "PUT")
same(sms.send("96551234560", "nothing left")["code"], "ERR010")
refused = ask("requests?refused=true&limit=1&user=python_user")["requests"][0]
same((refused["code"], refused["to"], refused["text"]), ("ERR010", ["96551234560"], "nothing left"))
ask("account", {"user": "python_user", "password": "other"}, "PUT")
same(sms.verify()[0], False)
ask("account", {"user": "python_user", "password": None, "balance": 10}, "PUT")
ask("faults", {"kind": "html_502", "on": "send"}, "POST")
try:
    sms.send("96551234561", "a page")
    raise AssertionError("a page of HTML was taken for an answer")
except RuntimeError:
    pass
print("python client 0.7.3: all of it answered as the gateway would")
