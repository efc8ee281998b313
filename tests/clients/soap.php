<?php
// Calls the gateway as the provider's PHP sample called the provider: both services, then balans and sms.
// Usage: php soap.php http://host:port [1.1|1.2] [konto] [passwd] [meddelande]
// Prints one JSON object; a fault is printed as {"fault": ..., "string": ...} and ends with status 1.

ini_set('soap.wsdl_cache_enabled', '0');
ini_set('default_socket_timeout', '20');

$host = $argv[1];
$version = ($argv[2] ?? '1.1') === '1.2' ? SOAP_1_2 : SOAP_1_1;
$login = array('konto' => $argv[3] ?? 'ip1-12345', 'passwd' => $argv[4] ?? 'secret');
$options = array('soap_version' => $version, 'trace' => true, 'cache_wsdl' => WSDL_CACHE_NONE);

try {
    $sms = new SoapClient($host . '/sendsms/sendsms.asmx?wsdl', $options);
    $mms = new SoapClient($host . '/mms/mms.asmx?wsdl', $options);
    $balance = $sms->balans($login)->balansResult;
    $message = array('till' => '46712345678', 'from' => 'iP1', 'meddelande' => $argv[5] ?? 'åäö € 😀', 'prio' => '1');
    $id = $sms->sms($login + $message)->smsResult;
    echo json_encode(array(
        'balansResult' => $balance,
        'smsResult' => $id,
        'mmsBalansResult' => $mms->balans($login)->balansResult,
        'functions' => $sms->__getFunctions(),
        'request' => $sms->__getLastRequest(),
        'response' => $sms->__getLastResponse(),
        'responseHeaders' => $sms->__getLastResponseHeaders(),
    ), JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
} catch (SoapFault $fault) {
    echo json_encode(array('fault' => $fault->faultcode, 'string' => $fault->getMessage())), "\n";
    exit(1);
}
