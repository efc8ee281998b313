# Perl's SOAP::Lite, in several WAYS. Usage: perl soap_lite.pl http://host:port WAY KONTO PASSWD TEXT...

use strict;
use warnings;
use Encode 'decode_utf8';
use SOAP::Lite;

my ($host, $way, $konto, $passwd, @texts) = @ARGV;
my $ns = 'http://web.smscom.se/sendsms/';
my $address = "$host/sendsms/sendsms.asmx";

sub plain { return shift->proxy($address, timeout => 20)->default_ns($ns) }

# The recipe for .NET services: their action, and no types.
sub dotnet { return plain(shift)->on_action(sub { join '', @_ })->autotype(0) }

my %ways = (
    'dotnet' => sub { dotnet('SOAP::Lite') },
    'dotnet 1.2' => sub { dotnet(SOAP::Lite->soapversion('1.2')) },
    'defaults' => sub { plain('SOAP::Lite') },
    'wsdl' => sub { SOAP::Lite->service("$address?wsdl") },
);
my $client = $ways{$way}->();

# A stub made of the WSDL takes values and returns the result; without it each value needs its name. A text that is
# not ASCII needs its type as well, or SOAP::Lite turns it into base64.
sub call {
    my ($operation, @pairs) = @_;
    my @values;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        my $data = SOAP::Data->name($name => $value);
        $data->type('string') if $name eq 'meddelande';
        push @values, $way eq 'wsdl' ? $value : $data;
    }
    my $answer = $client->$operation(@values);
    return $answer if $way eq 'wsdl';
    die $answer->faultstring // 'a fault' if $answer->fault;
    return $answer->result;
}

sub send_sms {
    my ($passwd, $text) = @_;
    my @message = (till => '46712345678', from => 'iP1', meddelande => decode_utf8($text), prio => 1);
    return call('sms', konto => $konto, passwd => $passwd, @message);
}

my $refused = send_sms('wrong', 'x');
my $balance = call('balans', konto => $konto, passwd => $passwd);
my $ids = join ', ', map { '"' . send_sms($passwd, $_) . '"' } @texts;
print qq({"refused": "$refused", "balances": ["$balance"], "ids": [$ids]});
